// 01 How many of each
// How many rings of each typology, and how severe
MATCH (ring:Ring)
RETURN ring.typology AS typology, ring.title AS what, count(*) AS rings, max(ring.severity) AS mostSevere,
       round(avg(ring.severity), 3) AS meanSeverity, sum(ring.expectedByChance) AS expectedByChance
ORDER BY rings DESC LIMIT 50

// 06 Parties in several rings
// Parties that several rings name
MATCH (ring:Ring)-[:INVOLVES]->(p:Party)
WITH p, count(ring) AS rings, max(ring.severity) AS mostSevere,
     collect(DISTINCT ring.typology) AS typologies
RETURN p.partyId AS party, p.name AS name, p.riskScore AS score, p.riskBand AS band, rings, mostSevere,
       typologies
ORDER BY rings DESC, mostSevere DESC, party LIMIT 50

// 09 Cases decided on
// Cases by typology, and what was decided about them
MATCH (c:Case) WHERE c.status IN ['open', 'reopened', 'confirmed', 'dismissed', 'watch']
UNWIND split(coalesce(c.typologies, ''), '|') AS typology
RETURN typology, c.status AS status, count(*) AS cases, max(c.severity) AS mostSevere
ORDER BY typology, status LIMIT 100

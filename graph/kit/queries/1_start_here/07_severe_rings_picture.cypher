// 07 Most severe rings, drawn
// The five most severe rings (picture)
MATCH (ring:Ring)
WITH ring ORDER BY ring.severity DESC, ring.ringId LIMIT 5
MATCH path = (ring)-[:INVOLVES]->(:Party)
RETURN path LIMIT 200

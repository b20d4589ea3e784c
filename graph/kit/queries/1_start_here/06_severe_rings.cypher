// 06 Most severe rings
// The most severe rings, explained
MATCH (ring:Ring)
WITH ring ORDER BY ring.severity DESC, ring.ringId LIMIT 25
RETURN ring.ringId AS ring, ring.title AS what, ring.severity AS severity,
       ring.expectedByChance AS expectedByChance, COUNT { (ring)-[:INVOLVES]->() } AS members,
       ring.firstOn AS first, ring.lastOn AS last, ring.caseId AS caseId, ring.explanation AS explanation
ORDER BY severity DESC LIMIT 25

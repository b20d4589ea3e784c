// 02 Who is around it
// Everybody around it, riskiest first (picture)
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH path = (p)-[]-(other:Party)
WITH path, other ORDER BY coalesce(other.riskScore, 1000) LIMIT 60
RETURN path LIMIT 60

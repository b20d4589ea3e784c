// 09 How much is recorded
// How much is recorded about it, by kind of tie
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[t]-()
RETURN p.partyId AS party, type(t) AS tie, count(*) AS number ORDER BY number DESC LIMIT 50

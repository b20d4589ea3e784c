// 05 Riskiest and partners
// The riskiest parties and their largest trade partners (picture)
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (p:Party {runId: run.runId}) WHERE p.riskScore IS NOT NULL
WITH p ORDER BY p.riskScore LIMIT 10
CALL (p) {
  MATCH path = (p)-[s:SUPPLIES|SHIPS_TO]-(:Party)
  RETURN path ORDER BY coalesce(s.amount, 0) DESC, s.count DESC LIMIT 5
}
RETURN path LIMIT 50

// 03 Risky parties around it
// Risky parties within two steps of it
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:SUPPLIES|GUARANTEES]-() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
CALL (p) {
  MATCH (p)-[:SUPPLIES|GUARANTEES|FINANCES|OWNS|CONTROLS]-(via:Party)
  RETURN DISTINCT via ORDER BY coalesce(via.riskScore, 1000) LIMIT 50
}
CALL (p, via) {
  MATCH (via)-[:SUPPLIES|GUARANTEES|FINANCES|OWNS|CONTROLS]-(risky:Party)
  WHERE risky <> p AND risky.riskBand IN ['D', 'E']
  RETURN DISTINCT risky ORDER BY risky.riskScore LIMIT 10
}
RETURN risky.partyId AS party, risky.name AS name, risky.riskScore AS score, risky.riskBand AS band,
       collect(DISTINCT via.partyId)[..5] AS through, count(DISTINCT via) AS ways
ORDER BY ways DESC, score LIMIT 50

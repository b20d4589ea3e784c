// 04 Chains of guarantees
// Guarantees that hang on each other (picture)
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:GUARANTEES]->()-[:GUARANTEES]->() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH path = (p)-[:GUARANTEES*1..5]->(:Party)
RETURN path LIMIT 100

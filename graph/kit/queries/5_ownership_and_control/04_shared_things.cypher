// 04 Shared address, account …
// Who shares its address, phone, account or device (picture)
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:SHARES_ADDRESS|SHARES_PHONE|SHARES_ACCOUNT|SHARES_DEVICE]-() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH path = (p)-[:SHARES_ADDRESS|SHARES_PHONE|SHARES_ACCOUNT|SHARES_DEVICE*1..2]-(:Party)
RETURN path LIMIT 100

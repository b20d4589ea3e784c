// 05 Owners, guarantors, ties
// Its owners, representatives, guarantors and shared addresses (picture)
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:OWNS|CONTROLS|LEGAL_REP_OF|GUARANTEES|BRANCH_OF|SHARES_ADDRESS]-() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH path = (p)-[:OWNS|CONTROLS|LEGAL_REP_OF|GUARANTEES|BRANCH_OF|LENDS_TO
                  |SHARES_ADDRESS|SHARES_PHONE|SHARES_ACCOUNT|SHARES_DEVICE]-(:Party)
RETURN path LIMIT 60

// 05 Trade within a group
// Trade between parties of one owner or address, of the riskiest
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (p:Party {runId: run.runId}) WHERE p.riskScore IS NOT NULL
  AND EXISTS {
    (p)-[:OWNS|CONTROLS|LEGAL_REP_OF|SHARES_ADDRESS|SHARES_PHONE|SHARES_ACCOUNT|SHARES_DEVICE]-() }
WITH p ORDER BY p.riskScore LIMIT 1000
MATCH (p)-[s:SUPPLIES]-(q:Party)
WHERE EXISTS { (p)<-[:OWNS|CONTROLS|LEGAL_REP_OF]-(:Party)-[:OWNS|CONTROLS|LEGAL_REP_OF]->(q) }
   OR EXISTS {
    (p)-[:OWNS|CONTROLS|LEGAL_REP_OF|SHARES_ADDRESS|SHARES_PHONE|SHARES_ACCOUNT|SHARES_DEVICE]-(q) }
RETURN DISTINCT startNode(s).partyId AS seller, endNode(s).partyId AS buyer, s.count AS invoices,
       s.amount AS amountInMinorUnits, s.currency AS currency, s.lateShare AS paidLate, s.firstOn AS first,
       s.lastOn AS last
ORDER BY coalesce(amountInMinorUnits, 0) DESC LIMIT 50

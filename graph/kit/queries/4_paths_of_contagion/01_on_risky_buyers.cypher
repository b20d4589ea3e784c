// 01 Who hangs on risky buyers
// Who hangs on the riskiest buyers
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (p:Party {runId: run.runId}) WHERE p.riskScore IS NOT NULL
WITH p ORDER BY p.riskScore LIMIT 200
MATCH (seller:Party)-[s:SUPPLIES]->(p)
RETURN p.partyId AS buyer, p.riskScore AS buyersScore, p.riskBand AS buyersBand, seller.partyId AS seller,
       seller.riskScore AS sellersScore, s.count AS invoices, s.amount AS amountInMinorUnits,
       s.currency AS currency, s.lateShare AS paidLate, s.lastOn AS last
ORDER BY coalesce(s.amount, 0) DESC LIMIT 50

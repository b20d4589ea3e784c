// 07 Sales month by month
// Its sales month by month, and how late they were paid
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:ISSUED]->() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[:ISSUED]->(i:Invoice) WHERE coalesce(i.status, 'open') IN ['open', 'paid']
RETURN p.partyId AS party, toString(date.truncate('month', i.issuedOn)) AS month, count(*) AS invoices,
       count(DISTINCT i.buyerId) AS buyers, sum(i.amount) AS amountInMinorUnits, i.currency AS currency,
       sum(CASE WHEN i.paidOn > i.dueOn THEN 1 ELSE 0 END) AS paidLate,
       sum(CASE WHEN i.paidOn IS NULL THEN 1 ELSE 0 END) AS unpaid
ORDER BY month DESC LIMIT 60

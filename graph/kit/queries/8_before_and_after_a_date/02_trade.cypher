// 02 Sales before and after
// Its sales in the half years before and after the date
CALL () {
  OPTIONAL MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  RETURN coalesce(date($asOf), run.asOf - duration({days: 180})) AS day
}
CALL (day) {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run, day LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS {
      (p)-[:ISSUED]->(i:Invoice)
      WHERE i.issuedOn >= day - duration({days: 180}) AND i.issuedOn < day + duration({days: 180}) }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[:ISSUED]->(i:Invoice)
WHERE i.issuedOn >= day - duration({days: 180}) AND i.issuedOn < day + duration({days: 180})
  AND coalesce(i.status, 'open') IN ['open', 'paid']
RETURN p.partyId AS party, day, CASE WHEN i.issuedOn < day THEN 'before' ELSE 'after' END AS half,
       count(*) AS invoices, count(DISTINCT i.buyerId) AS buyers, sum(i.amount) AS amountInMinorUnits,
       i.currency AS currency, sum(CASE WHEN i.paidOn > i.dueOn THEN 1 ELSE 0 END) AS paidLate
ORDER BY half DESC LIMIT 20

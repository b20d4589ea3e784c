// 06 Latest invoices
// Its latest invoices: due, paid, days late
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:ISSUED]->() }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[:ISSUED]->(i:Invoice)
WITH p, i ORDER BY i.issuedOn DESC, i.invoiceId LIMIT 50
RETURN i.invoiceId AS invoice, i.buyerId AS buyer, i.issuedOn AS issued, i.dueOn AS due, i.paidOn AS paid,
       CASE WHEN i.paidOn > i.dueOn THEN duration.inDays(i.dueOn, i.paidOn).days END AS daysLate,
       i.amount AS amountInMinorUnits, i.currency AS currency, i.status AS status, i.goods AS goods
ORDER BY issued DESC LIMIT 50

// 08 Overdue and unpaid
// Its invoices that are overdue and not paid, largest first
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)-[:ISSUED]->(i:Invoice)
                 WHERE i.paidOn IS NULL AND coalesce(i.status, 'open') = 'open' }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[:ISSUED]->(i:Invoice) WHERE i.paidOn IS NULL AND coalesce(i.status, 'open') = 'open'
MATCH (i)-[:BILLED_TO]->(buyer:Party)
RETURN p.partyId AS party, i.invoiceId AS invoice, i.amount AS amountInMinorUnits, i.currency AS currency,
       i.issuedOn AS issued, i.dueOn AS due, buyer.partyId AS buyer, buyer.riskScore AS score,
       buyer.riskBand AS band
ORDER BY amountInMinorUnits DESC LIMIT 50

// 05 Advances on its invoices
// What was advanced on its invoices, and by whom
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS { (p)<-[:FINANCES]-(:Party) }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[:ISSUED]->(i:Invoice)<-[:FINANCES]-(f:Financing)
RETURN p.partyId AS party, i.invoiceId AS invoice, i.buyerId AS buyer, i.amount AS amountInMinorUnits,
       f.amount AS advancedInMinorUnits, f.currency AS currency, f.financierId AS financier,
       f.financedOn AS financed, f.dueOn AS due, f.repaidOn AS repaid, f.recourse AS recourse
ORDER BY financed DESC LIMIT 50

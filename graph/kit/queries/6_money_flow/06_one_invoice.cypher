// 06 One invoice, all of it
// One invoice and all that hangs on it ($invoiceId; else a financed one) (picture)
CALL () {
  MATCH (i:Invoice {invoiceId: $invoiceId}) RETURN i
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId})
  WHERE $invoiceId IS NULL AND p.riskScore IS NOT NULL AND EXISTS { (p)<-[:FINANCES]-(:Party) }
  WITH p ORDER BY p.riskScore LIMIT 1
  MATCH (p)-[:ISSUED]->(i:Invoice)<-[:FINANCES]-(:Financing)
  RETURN i ORDER BY i.amount DESC LIMIT 1
}
MATCH path = (i)-[:ISSUED|BILLED_TO|PAYS|FULFILS|FINANCES|CORRECTS*1..2]-()
WHERE ALL(n IN nodes(path)[1..-1] WHERE NOT n:Party)
RETURN path LIMIT 100

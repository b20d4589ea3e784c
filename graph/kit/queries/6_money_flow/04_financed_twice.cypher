// 04 Financed more than once
// Invoices that were financed more than once
MATCH (f:Financing) WHERE f.invoiceId IS NOT NULL
WITH f.invoiceId AS invoiceId, count(*) AS financings WHERE financings > 1
WITH invoiceId, financings ORDER BY financings DESC, invoiceId LIMIT 50
MATCH (i:Invoice {invoiceId: invoiceId})<-[:FINANCES]-(f:Financing)
RETURN i.invoiceId AS invoice, i.sellerId AS seller, i.buyerId AS buyer, i.amount AS amountInMinorUnits,
       i.currency AS currency, financings, sum(f.amount) AS advancedInMinorUnits,
       collect(DISTINCT f.financierId) AS financiers, min(f.financedOn) AS first, max(f.financedOn) AS last
ORDER BY size(financiers) DESC, financings DESC LIMIT 50

// 08 Financed, not shipped
// Financed invoices without a shipment on record (of 20,000)
MATCH (f:Financing)-[:FINANCES]->(i:Invoice) WITH DISTINCT i LIMIT 20000
WHERE NOT EXISTS { (i)<-[:FULFILS]-(:Shipment) }
WITH i.sellerId AS seller, count(*) AS invoices, sum(i.amount) AS amountInMinorUnits, i.currency AS currency,
     collect(i.invoiceId)[..5] AS some
RETURN seller, invoices, amountInMinorUnits, currency, some ORDER BY invoices DESC, seller LIMIT 50

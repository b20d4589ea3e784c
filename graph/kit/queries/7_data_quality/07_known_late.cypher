// 07 How late things are known
// How long after their day invoices became known (a sample of 20,000)
MATCH (i:Invoice) WITH i LIMIT 20000
WITH i.source AS source, duration.inDays(i.issuedOn, i.knownOn).days AS days WHERE days IS NOT NULL
RETURN source, count(*) AS invoices, percentileDisc(days, 0.5) AS medianDays,
       percentileDisc(days, 0.95) AS days95,
       max(days) AS longest
ORDER BY invoices DESC LIMIT 20

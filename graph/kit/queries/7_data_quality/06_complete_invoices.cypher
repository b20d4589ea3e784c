// 06 Columns of invoices
// How complete the columns of invoices are (a sample of 20,000)
MATCH (i:Invoice) WITH i LIMIT 20000
WITH count(*) AS n, {dueOn: count(i.dueOn), paidOn: count(i.paidOn), confirmedOn: count(i.confirmedOn),
     goods: count(i.goods), status: count(i.status), currency: count(i.currency)} AS filled
UNWIND keys(filled) AS column
RETURN column, n AS invoices, round(100.0 * filled[column] / n, 1) AS percentFilled
ORDER BY percentFilled, column LIMIT 20

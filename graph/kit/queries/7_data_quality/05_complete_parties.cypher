// 05 Columns of parties
// How complete the columns of parties are (a sample of 20,000)
MATCH (p:Party) WITH p LIMIT 20000
WITH count(*) AS n, {name: count(p.name), country: count(p.country), region: count(p.region),
     industry: count(p.industry), registeredOn: count(p.registeredOn), sizeBand: count(p.sizeBand),
     roles: count(p.roles)} AS filled
UNWIND keys(filled) AS column
RETURN column, n AS parties, round(100.0 * filled[column] / n, 1) AS percentFilled
ORDER BY percentFilled, column LIMIT 20

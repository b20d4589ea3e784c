// 08 Cases to look at
// Cases to look at, most severe first
MATCH (c:Case) WHERE c.runId IS NOT NULL AND c.status IN ['open', 'reopened', 'watch']
WITH c ORDER BY c.severity DESC, c.caseId LIMIT 25
RETURN c.caseId AS caseId, c.status AS status, c.severity AS severity, c.typologies AS typologies,
       c.firstOn AS first, c.lastOn AS last, c.amount AS amountInMinorUnits,
       COUNT { (c)<-[:PART_OF]-() } AS rings, c.note AS note
ORDER BY severity DESC LIMIT 25

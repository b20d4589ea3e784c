// 03 Run in force, by band
// The run in force: parties and scores by band
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (p:Party {runId: run.runId})
RETURN run.runId AS run, run.asOf AS asOf, p.riskBand AS band, count(*) AS parties,
       min(p.riskScore) AS lowest, round(avg(p.riskScore)) AS mean, max(p.riskScore) AS highest
ORDER BY band LIMIT 20

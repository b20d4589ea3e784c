"""What becomes of findings: ids and words, cases, verdicts, a report that is kept, shown and exported."""

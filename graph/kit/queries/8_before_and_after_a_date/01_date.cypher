// 01 Choose a date
// Compare around this date from now on (null: half a year before the run's)
:param asOf => null

#!/bin/sh
# Start the array job of all parts, and the job that joins their results once every part has one. It prints the id of the last job,
# which fails if AWS differs from the specs (exit code 2), if a part has an error (1), or if a part has no result.
set -eu
cd "$(dirname "$0")"

run=drift-$(date -u +%Y%m%dT%H%M%SZ)
array=$(sesform matrix ../specs --parts 4 --format batch)
parts=$(aws batch submit-job --job-name sesform-part --job-queue sesform --job-definition sesform-part \
  --parameters "run=$run" --cli-input-json "$array" --query jobId --output text)
aws batch submit-job --job-name sesform-merge --job-queue sesform --job-definition sesform-merge \
  --parameters "run=$run" --depends-on "jobId=$parts" --query jobId --output text

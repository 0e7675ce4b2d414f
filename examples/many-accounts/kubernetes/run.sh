#!/bin/sh
# Start all parts, wait for their end, join their results and print them. Exit codes: 0 AWS matches the specs, 1 it differs, a part
# has an error or no result, or a Job of an earlier run still exists.
set -eu
cd "$(dirname "$0")"

wait_for() { # until the Job is complete or has failed; its activeDeadlineSeconds limits the time
  while conditions=$(kubectl get job "$1" --output 'jsonpath={.status.conditions[?(@.status=="True")].type}'); do
    case $conditions in
      *Complete* | *Failed*) return 0 ;;
    esac
    sleep 5
  done
  exit 1
}

parts=$(sesform matrix ../specs --parts 4 --format kubernetes)
kubectl patch --local --filename parts.yml --patch "$parts" --output yaml | kubectl create --filename -
run=$(kubectl get job sesform --output 'jsonpath={.metadata.uid}')
wait_for sesform
sed "s/, UID_OF_PARTS/, $run/" merge.yml | kubectl create --filename -
wait_for sesform-merge
kubectl logs job/sesform-merge
test "$(kubectl get job sesform-merge --output 'jsonpath={.status.succeeded}')" = 1

#!/usr/bin/env bash
# sesform from a first plan to the removal of everything, on the sandbox: no AWS account, no network, nothing left behind.
# Every command is shown before it runs. The demo fails where one does not exit with the code that it should.
set -euo pipefail

demo=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
exec 2>&1 # one stream, so that the order is kept in a file or a pager too
unset SESFORM_SANDBOX SESFORM_SANDBOX_STATE SESFORM_RATE

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi

say() {
    printf '%s# %s%s\n\n' "$bold" "$*" "$plain"
}

# run CODE COMMAND...: shows the command and what it prints, and insists on its exit code.
run() {
    local expected=$1 code=0
    shift
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    "$@" || code=$?
    if ((code != expected)); then
        printf 'demo: exit code %d, expected %d\n' "$code" "$expected"
        exit 1
    fi
    if ((code != 0)); then
        printf '%s(exit code %d)%s\n' "$bold" "$code" "$plain"
    fi
    printf '\n'
}

cp -R "$demo/../specs" "$demo/removal" "$demo/console_change.py" "$work"
cd "$work"

say '1. An owner of identities and a delegate that sends with them. Their specs are checked offline.'
run 0 sesform validate

say '2. The plan: what SES and SNS hold, against what the specs say.'
run 0 sesform plan --sandbox --out first.tfplan

say '3. Exactly that plan is applied. Planning again finds nothing to do.'
run 0 sesform apply --sandbox --plan first.tfplan
run 0 sesform plan --sandbox --detailed-exitcode

say '4. Somebody changes settings in the SES console. Drift detection tells, with exit code 2.
#    It warns too: SES does the same by itself when publishing to a topic fails.'
run 0 cat console_change.py
run 0 python console_change.py
run 2 sesform drift --sandbox

say '5. Applying again puts back what was declared, and touches nothing else.'
run 0 sesform apply --sandbox --auto-approve

say '6. Who gets which feedback now?'
run 0 sesform routes --sandbox

say '7. What exists can be had as specs. A plan on them is empty: so live accounts are adopted.'
run 0 sh -c 'sesform import --sandbox --account 111111111111 --account 222222222222 --region eu-west-1 \
    --name 111111111111=example-corp --name 222222222222=acme-mailer \
    --identity-arn arn:aws:ses:eu-west-1:333333333333:identity/partner.example >imported.yaml'
run 0 cat imported.yaml
run 0 sesform plan imported.yaml --sandbox --detailed-exitcode

say '8. Every notification type is removed: one SetIdentityNotificationTopic call without a topic for each (-v tells the calls).
#    The legacy entry could not be made again in AWS, so that takes a flag.'
run 0 cp removal/owner.yaml removal/delegate.yaml specs
run 0 cat specs/owner.yaml specs/delegate.yaml
run 0 sesform apply --sandbox --auto-approve --allow-irreversible -v
run 0 sesform plan --sandbox --detailed-exitcode

printf '%sThe demo is over: every command did what it should.%s\n' "$bold" "$plain"

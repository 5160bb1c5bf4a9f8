"""IAM: users, roles, groups, access keys, and the policies that grant to them."""

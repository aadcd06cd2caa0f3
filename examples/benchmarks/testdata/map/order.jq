{
  id: .id | tostring,
  reference: .orderNumber,
  customer: .customer.number,
  name: {first: .customer.given, last: .customer.family},
  year: .customer.born[:4] | tonumber,
  language: .customer.language,
  vip: .customer.vip,
  to: .address | {street, city, code, country},
  created: .created | fromdate,
  paid: .paid | todate,
  total: .total | tostring,
  weight: .weight | tonumber,
  state: {new: "open", paid: "open", sent: "done"}[.status],
  ssn: ("****" + .ssn[-4:]),
  email: ("****@" + (.email | split("@")[-1] | if . == "acme.example" then . else "****" end)),
  tags: .tags
}

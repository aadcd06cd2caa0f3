package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// The whole run; what differs each time is written as N, G, BASE64 and TOKEN.
func Example() {
	var out bytes.Buffer
	if err := run(context.Background(), &out, ""); err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(out.String()) {
		fmt.Println(masked(strings.TrimSuffix(line, "\n")))
	}
	// Output:
	// alice hires mueller: done
	// alice hires nguyen: done
	// mallory hires zolc: rolled back at account: auth: denied: no permit
	// alert: run carol-zolc at payroll: person
	// carol hires zolc: parked at payroll: auth: denied: second-factor: needs assurance
	// challenge: Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="900"
	// carol hires zolc: done
	// background job: 5 contacts
	// refused: mappings/employee-to-contact.jsonc:8:24: M219 is confidential, above what the destination accepts at /set/~1email/from
	// refused: mappings/employee-to-contact.jsonc:8:24: M221 may be in eu, and the destination is in us at /set/~1email/from
	// alice looks at a photo: auth: undeclared: crm answered 302
	// directory received 5 requests
	//     add uid=9007199254740993,ou=people,o=acme as cn=hr-onboarding,o=acme cn=Zoë mail=zoe.mueller@acme.example objectclass=inetOrgPerson sn=Müller-Ångström
	// erp received 5 requests
	//     PUT /payroll/9007199254740993 as alice.hr {"national_id":"65170839J003","started":"2026-12-01","salary":{"cents":8450012,"currency":"EUR"},"country":"DE"}
	// crm received 5 requests
	//     PUT /contacts/TOKEN as key-1 {"given":"Zoë","family":"Müller-Ångström","email":"****@acme.example","phone":"****0147","city":"Köln"}
	// hub received 3 requests
	//     POST /events as u-alice through hr-onboarding {"kind":"hired","who":"TOKEN","department":"engineering","year":2026}
	// lurker received 0 requests
	// the CRM is out of order
	// alert: run alice-okafor at contact: rolled-back.transient
	// alice hires okafor: rolled back at contact: auth: unavailable: crm answered 503
	// left of 9007199254741009: directory 0 erp 0; the CRM keeps 5 contacts
	// the CRM is well again, and beatrix loses her permits in the middle
	// alert: run beatrix-okafor at contact: rolled-back.denied
	// beatrix hires okafor: rolled back at contact: auth: denied: revoked
	// left of 9007199254741009: directory 0 erp 0; the CRM keeps 5 contacts
	// audit: N events, G grants, verified, root BASE64
}

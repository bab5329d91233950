// Package daytime tells the date and time as text: RFC 867, on TCP and UDP. The request's content is ignored.
//
// RFC 867 fixes no syntax; the formats are the two that it suggests and the one of RFC 3339.
package daytime

// Package sap is the Service Advertising Protocol of IPX: the codec of its packets and an agent that keeps the services.
package sap

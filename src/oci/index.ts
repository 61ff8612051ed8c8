/**
 * Images and the registry protocol of OCI.
 *
 * Promises: what comes from a registry is compared with its digest before anybody can use it; what breaks off goes on; credentials go to the
 * registry that they belong to and the token server that it names, over TLS or on this machine, and into no message.
 * Never does: encode a manifest anew, guess a fallback, read the environment.
 */
export type { RegistryCredential } from './credentials/credential.ts'
export { type CredentialSources, findCredentials } from './credentials/find.ts'
export { parsePlace, type Place } from './place.ts'
export { formatImageName, type ImageName, parseImageName } from './reference.ts'
export { openRegistry } from './registry/open.ts'
export type { Descriptor, ManifestHead, PutBlobOptions, Registry, RegistryOptions, StoredManifest, Upload } from './registry/registry.ts'

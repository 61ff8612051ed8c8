/**
 * The front of the library: faults, the configuration, and everything wired by it. The rooms are imported by name: holdfast/store, holdfast/releases, …
 */
export { explain, Fault, type FaultCode, faultCodes, isFault } from './kit/index.ts'
export {
  type Config,
  type ConfigOverride,
  type ConfigQuery,
  configTemplate,
  loadConfig,
  type ReleaseConfig,
  type S3Config,
  type StoreConfig,
} from './config/index.ts'
export { openEnvironment, type OpenedEnvironment, type OpenEnvironmentOptions } from './open-environment.ts'
export { openWire, type Wire, type WireOptions } from './wire/index.ts'

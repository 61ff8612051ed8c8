/** The types that images are made of: OCI's image-spec 1.1 (media-types.md), and Docker's second schema, which most registries still hold. */
export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const

/** How the bytes of a layer are packed. */
export type LayerForm = 'plain' | 'gzip' | 'zstd'

export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList
}

/** Of an image that runs: other artifacts have configs of their own, or empty ones. */
export function isConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociConfig || mediaType === 'application/vnd.docker.container.image.v1+json'
}

/** Whether a layer lies at the URLs of its descriptor, and in no registry and no layout that follows the law of its owner. */
export function isForeignLayer(mediaType: string): boolean {
  return mediaType.startsWith('application/vnd.docker.image.rootfs.foreign.') || mediaType.includes('.layer.nondistributable.')
}

/** OCI's media type of a layer that is kept so. */
export function layerType(form: LayerForm): string {
  return form === 'plain' ? mediaTypes.ociLayer : form === 'gzip' ? mediaTypes.ociLayerGzip : mediaTypes.ociLayerZstd
}

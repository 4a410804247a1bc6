declare module 'proxy-from-env' {
  /** The proxy for a URL; empty for none. */
  export function getProxyForUrl(url: string): string
}

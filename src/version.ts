/** That of package.json, which a bundled server does not have; a test holds the two together. */
export const VERSION = '0.1.0'

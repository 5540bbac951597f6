/** RFC 9110, section 7.2, without the characters that would change a URL's path: `?`, `#`, `\`, spaces. */
const hostPattern = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

/** Returns true if a Host header holds a host and at most a port. */
export function isHost(header: string): boolean {
  return hostPattern.test(header);
}

/** Returns true if only this machine can reach the name or address, which has no port; IPv6 with or without brackets. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" ||
    /^127(?:\.[0-9]{1,3}){3}$/.test(name);
}

/** Returns the name or address in a Host header. */
export function hostnameOf(header: string): string {
  return header.replace(/:[0-9]{1,5}$/, "");
}

/** Returns the URL of a server that listens there, without a path. */
export function originOf(hostname: string, port: number): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

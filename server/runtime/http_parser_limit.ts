/** True where HTTP/1.1 is read by the runtime's own parser, as since 2.9, and not by hyper: they differ in what a server has to mind. */
export const runtimeParsesHttp: boolean = !/^2\.[0-8]\./.test(Deno.version.deno);

/** The least that an HTTP server can do with a prediction's body: parse it and answer a constant. */
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ hostname, port }) => console.log(JSON.stringify({ listening: `http://${hostname}:${port}` })),
}, async (request) => {
  await request.json();
  return new Response('{"probability":0.5}', { headers: { "content-type": "application/json" } });
});

/** The minimum work of an HTTP server for a prediction: parses the body and answers a constant. */
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ hostname, port }) => console.log(JSON.stringify({ listening: `http://${hostname}:${port}` })),
}, async (request) => {
  await request.json();
  return new Response('{"probability":0.5}', { headers: { "content-type": "application/json" } });
});

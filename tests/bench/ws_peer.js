// A chat as in the documentation of ws: one send for each client and message. No login, no storage. Argument: the port.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1", perMessageDeflate: false });
server.on("connection", (socket) =>
  socket.on("message", (data) => {
    for (const client of server.clients) if (client.readyState === 1) client.send(data, { binary: false });
  }),
);

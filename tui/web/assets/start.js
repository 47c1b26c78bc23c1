// Starts the terminal of textual-serve: with addresses that work behind any forwarded port, and with its font at hand.
"use strict";

const base = new URL(".", location.href);

function connect() {
  const socket = new URL("ws", base);
  socket.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  const terminal = document.getElementById("terminal");
  terminal.dataset.sessionWebsocketUrl = socket.href;
  const size = Number(new URLSearchParams(location.search).get("fontsize"));
  terminal.dataset.fontSize = size >= 6 && size <= 60 ? size : 15;
}

// Files are asked for at /download/KEY, which lies outside of the address with the token.
const openWindow = window.open.bind(window);
window.open = (address, target) => {
  const wanted = new URL(address, base);
  const outside = wanted.origin === base.origin && wanted.pathname.startsWith("/download/");
  openWindow(outside ? new URL(`.${wanted.pathname}`, base) : wanted, target, "noopener");
};

function watchForTheEnd() {
  const closed = document.getElementById("closed");
  const watch = new MutationObserver(() => {
    if (document.body.classList.contains("-closed") && closed.hidden) {
      closed.hidden = false;
      document.getElementById("opening").hidden = true;
      document.getElementById("again").focus();
    }
  });
  watch.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  document.getElementById("again").addEventListener("click", () => location.reload());
}

async function start() {
  if (document.readyState !== "complete") {
    await new Promise((resolve) => window.addEventListener("load", resolve, { once: true }));
  }
  connect();
  watchForTheEnd();
  // A terminal measures its cells once, in whatever font is there by then.
  await Promise.allSettled(["", "bold ", "italic "].map((style) => document.fonts.load(`${style}15px "Roboto Mono"`)));
  const script = document.createElement("script");
  script.src = "static/js/textual.js";
  script.addEventListener("load", () => {
    window.onload(new Event("load")); // which it sets, too late to be called
    document.querySelector(".xterm-helper-textarea").focus(); // keys go there, without a click
  });
  document.head.append(script);
}

start();

// Asks for what is newer than the newest shown, and puts it on top: nothing that somebody reads moves or closes.
"use strict";
const messages = document.getElementById("messages");
const away = document.getElementById("away");

async function look() {
  const newest = messages.querySelector("article")?.dataset.number ?? "0";
  try {
    const answer = await fetch(`messages?after=${newest}`);
    const before = document.documentElement.scrollHeight, at = window.scrollY;
    messages.insertAdjacentHTML("afterbegin", await answer.text());
    if (at > 0) window.scrollTo(0, at + document.documentElement.scrollHeight - before);
    away.hidden = true;
  } catch {
    away.hidden = false;
  }
  setTimeout(look, 2000);
}
setTimeout(look, 2000);

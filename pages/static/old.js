// ES5, for the page below the floor: shows which browser this is, so that it can be told by phone.
(function () {
  var place = document.getElementById("yours");
  if (place) place.appendChild(document.createTextNode("您的浏览器 / Your browser: " + navigator.userAgent));
})();

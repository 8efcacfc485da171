# What a component of ESP-IDF compiles for this port, and what it needs: included by main/, and by
# projects that `sotto new` wrote.
set(SOTTO_PORT_SOURCES
  "${CMAKE_CURRENT_LIST_DIR}/port.c"
  "${CMAKE_CURRENT_LIST_DIR}/inmp441.c")
if(CONFIG_SOTTO_LINE_USB) # Kconfig.projbuild
  list(APPEND SOTTO_PORT_SOURCES "${CMAKE_CURRENT_LIST_DIR}/line_usb.c")
else()
  list(APPEND SOTTO_PORT_SOURCES "${CMAKE_CURRENT_LIST_DIR}/line_uart.c")
endif()
set(SOTTO_PORT_REQUIRES
  sotto esp_driver_i2s esp_driver_uart esp_driver_usb_serial_jtag esp_system)
